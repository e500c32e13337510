"""KMeansTrainer, the component that clusters examples."""
