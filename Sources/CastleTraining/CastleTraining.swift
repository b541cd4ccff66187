// CastleTraining
