"""The app's own package, which has the name that a package of Ebb has."""
