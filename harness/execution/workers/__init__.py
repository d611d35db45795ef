"""The processes of forecasters as a supervisor sees them: started, asked, limited, and ended."""
