"""Speed of features, live scoring, control chart rules and training, by the code that the product runs."""
