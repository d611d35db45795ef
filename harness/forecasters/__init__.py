"""Who answers: forecasters, what they return, and how a plugin hands them in."""
