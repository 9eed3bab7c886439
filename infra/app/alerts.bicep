// Alerts for what the webhook tells too: a schedule that fails, is silent, poisons messages or is late. Its telemetry has
// to be there for that (EbbTelemetry=host, as the templates set it); "recovered" is the alert that resolves by itself.

@description('Ending of the rules\' names.')
param name string

@description('Region.')
param location string

@description('Application Insights component with the telemetry.')
param applicationInsightsName string

@description('Action group that is called.')
param actionGroupId string

@minValue(1)
@description('Cycles that failed, with none between that succeeded, until it is told; as EbbNotifyAfterFailures.')
param failures int = 3

@minValue(1)
@description('Seconds that a message may have waited until it was received; as EbbNotifyLateAfter.')
param lateAfter int = 1800

// Every query begins with the metrics that the app writes as log lines, see infra/queries.
var metrics = 'traces | where message startswith "metric " | extend metric = parse_json(substring(message, 7)) | extend name = tostring(metric.name), schedule = tostring(metric["ebb.schedule"])'

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

module failing './alert.bicep' = {
  name: 'ebb-alert-failing'
  params: {
    name: 'ebb-failing-${name}'
    location: location
    text: 'Cycles of a schedule fail, and none succeeds: ebb show and ebb logs say why.'
    window: 'PT30M'
    query: '${metrics} | where name == "ebb.cycle.duration" | extend outcome = tostring(metric["ebb.outcome"]), cycles = tolong(metric["count"]) | summarize failed = sumif(cycles, outcome in ("failed", "timedOut", "lostHost")), succeeded = sumif(cycles, outcome in ("succeeded", "partlyFailed")) by schedule | where failed >= ${failures} and succeeded == 0'
    applicationInsightsId: insights.id
    actionGroupId: actionGroupId
  }
}

module silent './alert.bicep' = {
  name: 'ebb-alert-silent'
  params: {
    name: 'ebb-silent-${name}'
    location: location
    text: 'The watchdog had to start a schedule again: ebb events --kind incident says why.'
    window: 'PT15M'
    query: '${metrics} | where name == "ebb.watchdog.incidents" | summarize times = sum(tolong(metric.value)) by schedule'
    applicationInsightsId: insights.id
    actionGroupId: actionGroupId
  }
}

module poisoned './alert.bicep' = {
  name: 'ebb-alert-poisoned'
  params: {
    name: 'ebb-poisoned-${name}'
    location: location
    text: 'Messages went to the poison place: ebb poison list shows them with their reasons.'
    window: 'PT15M'
    query: '${metrics} | where name == "ebb.messages" and tostring(metric["ebb.result"]) == "poisoned" | summarize messages = sum(tolong(metric.value)) by schedule | where messages > 0'
    applicationInsightsId: insights.id
    actionGroupId: actionGroupId
  }
}

module late './alert.bicep' = {
  name: 'ebb-alert-late'
  params: {
    name: 'ebb-late-${name}'
    location: location
    text: 'A message waited longer than promised: ebb plan says what holds the executions down.'
    window: 'PT15M'
    query: '${metrics} | where name == "ebb.message.age" | summarize oldest = max(todouble(metric["max"])) by schedule | where oldest > ${lateAfter}'
    applicationInsightsId: insights.id
    actionGroupId: actionGroupId
  }
}
