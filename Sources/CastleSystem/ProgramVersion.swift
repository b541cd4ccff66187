/// The version of this package.
package enum ProgramVersion {
  /// That of the next release, with `-dev` until then.
  package static let number = "0.2.0-dev"
}
