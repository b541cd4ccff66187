import CastleFormats
import Testing

struct InputErrorTests {
  private let error = InputError(
    subject: "runs/a", problem: "holds a run already", remedy: "use \(.resume) or \(.setting("output", "…"))")

  @Test func thePartsAreOneLine() {
    #expect(error.description == "runs/a holds a run already; use the resume option or output=…")
    #expect(InputError(subject: "a.yaml", problem: ": not valid").description == "a.yaml: not valid")
    #expect(InputError("as it is").description == "as it is")
  }

  @Test func anInterfaceSpellsTheTerms() {
    let text = error.text { $0 == .resume ? "--resume" : "--set \($0)" }
    #expect(text == "runs/a holds a run already; use --resume or --set output=…")
  }

  @Test func aContextComesFirstAndTermsStayTerms() {
    let inside = error.within("experiment.yaml: cell a")
    #expect(
      inside.text { $0 == .resume ? "--resume" : "\($0)" }
        == "experiment.yaml: cell a: runs/a holds a run already; use --resume or output=…")
    #expect(InputError(subject: "a", problem: ": bad").within("b").description == "b: a: bad")
    #expect(InputError("a.json:3: bad").within("a.json") == InputError("a.json:3: bad"))
  }

  @Test func keysCanGetOtherNames() {
    let error = InputError(
      subject: ErrorText(.key("head_dim")), problem: "is 3", remedy: "lower \(.key("x"))")
    #expect(
      error.replacingTerms { $0 == .key("head_dim") ? .key("model.head-size") : $0 }.description
        == "model.head-size is 3; lower x")
  }
}
