"""Tables as people have them: CSV dialects, Parquet, missing values, and what can be clustered."""
