"""What a change of a footfall between two windows consists of, in parts that sum exactly."""
