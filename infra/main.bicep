// What Ebb stands on: one resource group with identity, logs, storage, registry and the Container Apps environment.
// The app itself is in ebb.bicep, so that its definition and its image are always rolled out together.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the environment; all resources are named after it.')
param environmentName string

@minLength(1)
@description('Region of all resources.')
param location string

@description('Object id of the person or pipeline that may look into queues and tables; empty: nobody but the app.')
param principalId string = ''

@allowed(['User', 'ServicePrincipal'])
@description('What principalId is.')
param principalType string = 'User'

@allowed(['azureStorage', 'durableTaskScheduler', 'mssql'])
@description('Where Durable Functions keeps its state.')
param backend string = 'azureStorage'

@allowed(['containerApps', 'flex'])
@description('Where the app will run; Flex Consumption needs neither registry nor environment.')
param hosting string = 'containerApps'

@description('Name of the task hub; the same as hubName in host.json.')
param hubName string = 'EbbHub'

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity './app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-ebb-${token}'
    location: location
    tags: tags
  }
}

module monitoring './app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: 'ebb-${token}'
    location: location
    tags: tags
    writerId: identity.outputs.principalId
  }
}

module storage './app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stebb${token}'
    location: location
    tags: tags
    writerId: identity.outputs.principalId
    operatorId: principalId
    operatorType: principalType
  }
}

module registry './app/registry.bicep' = if (hosting == 'containerApps') {
  name: 'registry'
  scope: group
  params: {
    name: 'crebb${token}'
    location: location
    tags: tags
    pullerId: identity.outputs.principalId
  }
}

module environment './app/environment.bicep' = if (hosting == 'containerApps') {
  name: 'environment'
  scope: group
  params: {
    name: 'cae-ebb-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module taskScheduler './app/task-scheduler.bicep' = if (backend == 'durableTaskScheduler') {
  name: 'task-scheduler'
  scope: group
  params: {
    name: 'dts-ebb-${token}'
    location: location
    tags: tags
    hubName: hubName
    workerId: identity.outputs.principalId
  }
}

module database './app/sql.bicep' = if (backend == 'mssql') {
  name: 'database'
  scope: group
  params: {
    name: 'sql-ebb-${token}'
    location: location
    tags: tags
    identityName: identity.outputs.name
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_CONTAINER_REGISTRY_NAME string = hosting == 'containerApps' ? registry.outputs.name : ''
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = hosting == 'containerApps' ? registry.outputs.endpoint : ''
output AZURE_CONTAINER_ENVIRONMENT_NAME string = hosting == 'containerApps' ? environment.outputs.name : ''
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name
output APPLICATIONINSIGHTS_NAME string = monitoring.outputs.insightsName
output SERVICE_EBB_IDENTITY_NAME string = identity.outputs.name
output EBB_BACKEND string = backend
output EBB_TASK_SCHEDULER_ENDPOINT string = backend == 'durableTaskScheduler' ? taskScheduler.outputs.endpoint : ''
output EBB_SQL_CONNECTION string = backend == 'mssql' ? database.outputs.connection : ''
