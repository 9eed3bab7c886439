"""Which KEDA scale rules Azure Functions on Container Apps derives from an app's triggers."""
