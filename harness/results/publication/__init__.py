"""Published results: a board's standings for readers without its data and models."""
