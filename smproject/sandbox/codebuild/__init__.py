"""CodeBuild: projects, and builds that really run their buildspec as processes of this machine."""
