"""The problems of ADBench: mixtures, bundle adjustment, LSTM and a chain of joints."""
