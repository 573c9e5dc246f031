"""What tests share: servers, vendors, deployments, rows, oracles. Not here: any test."""
