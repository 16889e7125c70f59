"""What the article's equations (§4) say exactly."""
