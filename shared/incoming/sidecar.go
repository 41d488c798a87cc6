package incoming

// MaxSidecar is the most bytes of a sidecar file, and of a row of a metadata
// table. S3 limits an object's own metadata to 2 KB.
const MaxSidecar = 64 << 10
