import CastleTraining
import Testing

struct LearningRateScheduleTests {
  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func warmUpRisesLinearlyToThePeak(kind: LearningRateSchedule.Kind) {
    let schedule = LearningRateSchedule(kind: kind, steps: 100, warmUpSteps: 10, decaySteps: 20, floor: 0.1)
    #expect(schedule.factor(step: 1) == 0.1)
    #expect(schedule.factor(step: 5) == 0.5)
    #expect(schedule.factor(step: 10) == 1)
  }

  @Test func cosineIsHalfwayInTheMiddleAndEndsAtTheFloor() {
    let schedule = LearningRateSchedule(kind: .cosine, steps: 110, warmUpSteps: 10, floor: 0.1)
    #expect(abs(schedule.factor(step: 60) - 0.55) < 1e-12)
    #expect(abs(schedule.factor(step: 110) - 0.1) < 1e-12)
  }

  @Test func stableDecayHoldsThenFallsInAStraightLine() {
    let schedule = LearningRateSchedule(
      kind: .warmUpStableDecay, steps: 100, warmUpSteps: 0, decaySteps: 20, floor: 0)
    #expect(schedule.factor(step: 1) == 1)
    #expect(schedule.factor(step: 80) == 1)
    #expect(schedule.factor(step: 90) == 0.5)
    #expect(schedule.factor(step: 100) == 0)
  }

  @Test func constantStays() {
    let schedule = LearningRateSchedule(kind: .constant, steps: 5, warmUpSteps: 0, floor: 0)
    #expect((1...5).allSatisfy { schedule.factor(step: $0) == 1 })
  }

  @Test func aRunThatIsAllWarmUpEndsAtThePeak() {
    let schedule = LearningRateSchedule(kind: .cosine, steps: 4, warmUpSteps: 4, floor: 0.1)
    #expect(schedule.factor(step: 4) == 1)
  }
}
