"""The demonstration: three plants' recordings played over OPC UA, through the whole platform."""
