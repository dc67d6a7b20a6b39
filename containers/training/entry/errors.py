"""The error whose message is for the person who started the job."""


class TrainingError(ValueError):
    """The job was asked for something impossible; the message says what was found and what to do."""
