"""What the engines do differently, asked of each of them; docs/engines.md has the answers."""
