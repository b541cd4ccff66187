/// The version of this package.
package enum ProgramVersion {
  /// As in the name of a release.
  package static let number = "0.1.0"
}
