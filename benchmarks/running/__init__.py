"""What runs cost and gain: CPU of a small day, workers, requests at the vendor."""
