"""Predicts with tfx_bsl's RunInference in a Beam job: MODEL EXAMPLES_PATTERN OUTPUT."""

import sys

import apache_beam as beam
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions
from tfx_bsl.public.beam import RunInference
from tfx_bsl.public.proto import model_spec_pb2


def parsed(record):
    return tf.train.Example.FromString(record)


model, examples, output = sys.argv[1:]
spec = model_spec_pb2.InferenceSpecType(
    saved_model_spec=model_spec_pb2.SavedModelSpec(model_path=model)
)
with beam.Pipeline(options=PipelineOptions(['--runner=FnApiRunner'])) as pipeline:
    _ = (
        pipeline
        | beam.io.ReadFromTFRecord(examples)
        | beam.Map(parsed)
        | RunInference(spec)
        | beam.Map(lambda log: log.SerializeToString())
        | beam.io.WriteToTFRecord(output)
    )
