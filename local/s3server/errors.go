package s3server

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"syscall"
)

// apiError is an error that S3 defines
// (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
type apiError struct {
	status        int
	code, message string
	// argument is the name of the header or parameter at fault, if S3 gives it.
	argument string
}

// Error returns the code and the message.
func (e apiError) Error() string { return e.code + ": " + e.message }

// The errors of this server, with the status, code and text of S3.
var (
	errAccessDenied    = apiError{http.StatusForbidden, "AccessDenied", "Access Denied.", ""}
	errLocked          = apiError{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock.", ""}
	errExpired         = apiError{http.StatusForbidden, "AccessDenied", "Request has expired.", ""}
	errNotSigned       = apiError{http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed", ""}
	errUnknownKey      = apiError{http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", ""}
	errSignature       = apiError{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", ""}
	errSkewed          = apiError{http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.", ""}
	errTwoMechanisms   = apiError{http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified", "Authorization"}
	errAuthType        = apiError{http.StatusBadRequest, "InvalidArgument", "Unsupported Authorization Type", "Authorization"}
	errAuthHeader      = apiError{http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed.", ""}
	errAuthQuery       = apiError{http.StatusBadRequest, "AuthorizationQueryParametersError", "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.", ""}
	errNoHash          = apiError{http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", ""}
	errHash            = apiError{http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", ""}
	errDigest          = apiError{http.StatusBadRequest, "BadDigest", "The checksum you specified did not match what we received.", ""}
	errInvalidDigest   = apiError{http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified is not valid.", ""}
	errChecksum        = apiError{http.StatusBadRequest, "InvalidRequest", "Value for a checksum header is invalid.", ""}
	errIncomplete      = apiError{http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header", ""}
	errChunk           = apiError{http.StatusBadRequest, "InvalidChunkSizeError", "The aws-chunked body is malformed.", ""}
	errNoLength        = apiError{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.", ""}
	errTooLarge        = apiError{http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.", ""}
	errMetadata        = apiError{http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size.", ""}
	errKeyTooLong      = apiError{http.StatusBadRequest, "KeyTooLongError", "Your key is too long.", ""}
	errURI             = apiError{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.", ""}
	errArgument        = apiError{http.StatusBadRequest, "InvalidArgument", "Invalid Argument", ""}
	errXML             = apiError{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.", ""}
	errPart            = apiError{http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.", ""}
	errPartOrder       = apiError{http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order.", ""}
	errPartSize        = apiError{http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", ""}
	errNoBucket        = apiError{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", ""}
	errNoKey           = apiError{http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", ""}
	errNoLock          = apiError{http.StatusNotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration", ""}
	errNoUpload        = apiError{http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", ""}
	errMethod          = apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.", ""}
	errPrecondition    = apiError{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", ""}
	errNotModified     = apiError{http.StatusNotModified, "NotModified", "Not Modified", ""}
	errRange           = apiError{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable", ""}
	errSelfCopy        = apiError{http.StatusBadRequest, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.", ""}
	errFolder          = apiError{http.StatusConflict, "ObjectParentIsFile", "One key is a folder of another, which this server cannot store.", ""}
	errPreflight       = apiError{http.StatusForbidden, "AccessForbidden", "CORSResponse: This CORS request is not allowed.", ""}
	errFull            = apiError{http.StatusInsufficientStorage, "InsufficientStorage", "No space is left on the disk.", ""}
	errInternal        = apiError{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.", ""}
	errSlowDown        = apiError{http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", ""}
	errUnsupported     = apiError{http.StatusNotImplemented, "NotImplemented", "A header or query you provided implies functionality that is not implemented.", ""}
	errRequestTimedOut = apiError{http.StatusBadRequest, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period.", ""}
)

// toAPIError returns the S3 error for err: err itself if it is an apiError, the
// matching one for a file system error, and InternalError otherwise.
func toAPIError(err error) apiError {
	if e, ok := errors.AsType[apiError](err); ok {
		return e
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return errFull
	case errors.Is(err, syscall.ENAMETOOLONG):
		return errKeyTooLong
	case errors.Is(err, fs.ErrNotExist):
		return errNoKey
	}
	return errInternal
}

// errorBody is the XML of an error.
type errorBody struct {
	XMLName      xml.Name `xml:"Error"`
	Code         string
	Message      string
	ArgumentName string `xml:",omitempty"`
	Resource     string
	RequestID    string `xml:"RequestId"`
}

// fail answers with an error. The answer to a HEAD and a 304 have no body.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	e := toAPIError(err)
	if e.status == http.StatusNotModified {
		w.WriteHeader(e.status)
		return
	}
	for _, name := range []string{"Content-Length", "Content-Range", "Content-Disposition", "Cache-Control"} {
		w.Header().Del(name)
	}
	writeXML(w, r, e.status, errorDocument(w, r, e))
}

// errorDocument returns the body of the answer with an error.
func errorDocument(w http.ResponseWriter, r *http.Request, e apiError) errorBody {
	return errorBody{
		Code: e.code, Message: e.message, ArgumentName: e.argument, Resource: r.URL.Path,
		RequestID: w.Header().Get(headerRequestID),
	}
}

// writeXML answers with an XML document.
func writeXML(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := xml.Marshal(body)
	if err != nil { // impossible: the bodies consist of strings, numbers and times
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append([]byte(xml.Header), text...)) // on error, the client has gone
	}
}
