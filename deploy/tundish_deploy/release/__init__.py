"""What is shipped: the parts list, their licences, and the flaws that are known of them."""
