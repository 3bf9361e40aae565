"""中小企业数字化水平自检: score, level and gaps of a self-check, and what of it counts bear out."""
