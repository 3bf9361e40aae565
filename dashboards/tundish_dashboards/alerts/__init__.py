"""The alerts of a plant's models: what they foresee, why, what to check, and what people found there."""
