"""Workflows of repositories on the git host: those of GitHub Actions and of GitLab CI, run as their hosts do."""
