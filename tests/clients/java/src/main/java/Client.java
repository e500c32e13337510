import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.tensorflow.Result;
import org.tensorflow.SavedModelBundle;
import org.tensorflow.Tensor;
import org.tensorflow.ndarray.NdArrays;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.StdArrays;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.TInt64;
import org.tensorflow.types.TString;

/**
 * Gets the clusters of serialized tf.Examples and of rows from a SavedModel.
 *
 * <p>Arguments: the folder of the model; a file with one base64-encoded tf.Example per line; a file
 * with one row per line, its numbers separated by spaces. Prints "signature cluster distance" for
 * each.
 */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    try (SavedModelBundle model = SavedModelBundle.load(arguments[0], "serve")) {
      try (TString examples = examplesIn(Path.of(arguments[1]))) {
        print(model, "serving_default", "examples", examples);
      }
      try (TFloat32 rows = rowsIn(Path.of(arguments[2]))) {
        print(model, "features", "features", rows);
      }
    }
  }

  private static void print(
      SavedModelBundle model, String signature, String input, Tensor values) {
    try (Result answer = model.function(signature).call(Map.of(input, values))) {
      TInt64 cluster = (TInt64) answer.get("cluster_index").orElseThrow();
      TFloat32 distance = (TFloat32) answer.get("distance").orElseThrow();
      for (long row = 0; row < cluster.shape().get(0); row++) {
        System.out.println(
            signature + " " + cluster.getLong(row) + " " + distance.getFloat(row));
      }
    }
  }

  private static TString examplesIn(Path file) throws Exception {
    List<byte[]> examples = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      examples.add(Base64.getDecoder().decode(line));
    }
    return TString.tensorOfBytes(NdArrays.vectorOfObjects(examples.toArray(new byte[0][])));
  }

  private static TFloat32 rowsIn(Path file) throws Exception {
    List<String> lines = Files.readAllLines(file);
    float[][] rows = new float[lines.size()][];
    for (int row = 0; row < rows.length; row++) {
      String[] numbers = lines.get(row).split(" ");
      rows[row] = new float[numbers.length];
      for (int column = 0; column < numbers.length; column++) {
        rows[row][column] = Float.parseFloat(numbers[column]);
      }
    }
    return TFloat32.tensorOf(
        Shape.of(rows.length, rows[0].length), target -> StdArrays.copyTo(rows, target));
  }
}
