"""Hyperparameter tuning: training jobs whose hyperparameters are chosen by what earlier ones achieved."""
