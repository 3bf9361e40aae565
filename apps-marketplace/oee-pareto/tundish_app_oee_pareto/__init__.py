"""OEE与停机帕累托: effectiveness of machines, and where the time went."""
