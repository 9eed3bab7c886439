// One alert: a query over the app's telemetry that gives a row for each schedule to be told about.

@description('Name of the rule.')
param name string

@description('Region.')
param location string

@description('What it means, for the one who is called.')
param text string

@description('The query; each row fires for its own schedule.')
param query string

@description('How far back each look goes, as an ISO 8601 duration.')
param window string

@description('Application Insights component with the telemetry.')
param applicationInsightsId string

@description('Action group that is called.')
param actionGroupId string

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: name
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: name
    description: text
    severity: 2
    enabled: true
    scopes: [applicationInsightsId]
    evaluationFrequency: 'PT5M'
    windowSize: window
    criteria: {
      allOf: [
        {
          query: query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'schedule', operator: 'Include', values: ['*'] }]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: true
    actions: { actionGroups: [actionGroupId] }
  }
}
