import CastleFormats
import CastleServing

/// Why a request is not answered as it wants, in the form of OpenAI's interface.
struct APIError: Error, Sendable, Hashable {
  /// The status code of HTTP.
  var status: Int
  /// One line that names the bad value and what would be right.
  var message: String
  /// The kind of error, such as `invalid_request_error`.
  var type: String
  /// The field that is wrong, if it is one.
  var parameter: String?
  /// A name of the error for programs.
  var code: String?
  /// After how many seconds to try again.
  var retryAfter: Int?

  /// The request's value of `parameter` cannot be used.
  static func invalid(_ message: String, _ parameter: String? = nil, code: String? = nil) -> APIError {
    APIError(
      status: 400, message: message, type: "invalid_request_error", parameter: parameter, code: code)
  }

  /// There is nothing of that name.
  static func notFound(_ message: String, _ parameter: String? = nil, code: String? = nil) -> APIError {
    APIError(
      status: 404, message: message, type: "invalid_request_error", parameter: parameter, code: code)
  }

  /// The key is missing or wrong.
  static func unauthorized(_ message: String) -> APIError {
    APIError(status: 401, message: message, type: "authentication_error", code: "invalid_api_key")
  }

  /// The page that asks may not.
  static func forbidden(_ message: String) -> APIError {
    APIError(status: 403, message: message, type: "permission_error", code: "origin_not_allowed")
  }

  /// The body is longer than the server reads.
  static func tooLarge(_ message: String) -> APIError {
    APIError(status: 413, message: message, type: "invalid_request_error", code: "request_too_large")
  }

  /// As much as can be done is being done.
  static func busy(_ message: String) -> APIError {
    APIError(
      status: 429, message: message, type: "rate_limit_error", code: "rate_limit_exceeded", retryAfter: 1)
  }

  /// The server cannot answer now.
  static func unavailable(_ message: String, code: String, retryAfter: Int = 5) -> APIError {
    APIError(status: 503, message: message, type: "server_error", code: code, retryAfter: retryAfter)
  }

  /// The server is at its end.
  static let shuttingDown = unavailable(
    "the server is shutting down and takes no more requests", code: "shutting_down")

  /// What `error` says to a client.
  init(_ error: any Error) {
    switch error {
    case let error as APIError: self = error
    case let error as ServingError:
      switch error {
      case .cannotFit: self = .invalid("\(error)", code: "context_length_exceeded")
      case .queueFull: self = .busy("\(error)")
      case .shutDown: self = .shuttingDown
      }
    case let error as InputError: self = .invalid("\(error)")
    default: self = .unavailable("the request could not be finished: \(error)", code: "internal_error")
    }
  }

  private init(
    status: Int, message: String, type: String, parameter: String? = nil, code: String? = nil,
    retryAfter: Int? = nil
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.parameter = parameter
    self.code = code
    self.retryAfter = retryAfter
  }

  /// The same for another method than those of the path.
  static func methodNotAllowed(_ method: String, _ allowed: [String]) -> APIError {
    APIError(
      status: 405, message: "\(method) is not possible here; use \(allowed.joined(separator: " or "))",
      type: "invalid_request_error", code: "method_not_allowed")
  }

  /// `{"error": …}`.
  var json: JSONValue.Members {
    [
      "error": .object(
        [
          "message": .string(message),
          "type": .string(type),
          "param": parameter.map { .string($0) } ?? .null,
          "code": code.map { .string($0) } ?? .null,
        ])
    ]
  }
}
