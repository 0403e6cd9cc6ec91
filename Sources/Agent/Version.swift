/// The version of the agent and its commands.
public let evenkeelVersion = "0.1.0"
