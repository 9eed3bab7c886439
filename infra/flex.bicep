// Ebb on Azure Functions Flex Consumption: no image, no environment; the platform scales, also to zero, with each backend.
// infra/deploy.sh --hosting flex applies this file, then publishes the folder.

@minLength(1)
@description('Name of the environment, as in main.bicep.')
param environmentName string

@description('Region of the app.')
param location string = resourceGroup().location

@description('User-assigned identity of the app.')
param identityName string

@description('Storage account of host, task hub, schedules, history and the published package.')
param storageAccountName string

@description('Application Insights component.')
param applicationInsightsName string

@allowed(['azureStorage', 'durableTaskScheduler', 'mssql'])
@description('Where Durable Functions keeps its state, as in main.bicep.')
param backend string = 'azureStorage'

@description('Address of the Durable Task Scheduler; empty with another backend.')
param taskSchedulerEndpoint string = ''

@description('Connection string of the SQL database; empty with another backend.')
param sqlConnection string = ''

@description('Name of the task hub; the same as hubName in host.json.')
param hubName string = 'EbbHub'

@minValue(1)
@maxValue(16)
@description('Control queues of the task hub; the same as partitionCount in host.json.')
param partitionCount int = 1

@minValue(1)
@description('Executions that one replica runs at once; the same as maxConcurrentActivityFunctions in host.json.')
param activitiesPerReplica int = 16

@allowed(['blob', 'keyvault'])
@description('Where the host keeps its function keys: in the storage account, or in a Key Vault that is there already.')
param keyStorage string = 'blob'

@description('Name of that Key Vault, in this resource group; empty with blob.')
param keyVaultName string = ''

@allowed(['3.11', '3.12', '3.13'])
@description('Python of the app.')
param pythonVersion string = '3.13'

@allowed([512, 2048, 4096])
@description('Memory of one instance in MB.')
param instanceMemory int = 2048

@description('Client id of an app registration: people sign in with it, and no function key is asked for. Empty: by key.')
param signInClientId string = ''

@description('Resource id of an action group that is called when a schedule needs somebody. Empty: no alerts.')
param alertActionGroupId string = ''

@minValue(40)
@maxValue(1000)
@description('Instances at most; the platform takes no less than 40.')
param maximumInstances int = 40

var tags = { 'azd-env-name': environmentName }

resource account 'Microsoft.Storage/storageAccounts@2026-09-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-09-01' existing = {
  parent: account
  name: 'default'
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-09-01' = {
  parent: blobs
  name: 'ebb-package'
  properties: { publicAccess: 'None' }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource plan 'Microsoft.Web/serverfarms@2025-05-01' = {
  // checkov:skip=CKV_AZURE_225: zones of a Flex plan need instances that are always there; the work waits in queues
  name: 'plan-ebb-${environmentName}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true } // Linux
}

resource app 'Microsoft.Web/sites@2025-05-01' = {
  // checkov:skip=CKV_AZURE_222: the HTTP API is called from outside with a key; a network is described in docs/deploy.md
  // checkov:skip=CKV_AZURE_17: callers have a function key, and the portal and the command line have no certificate
  // checkov:skip=CKV_AZURE_212: the platform counts the instances of Flex Consumption and goes to zero when idle
  // checkov:skip=CKV_AZURE_213: Flex Consumption knows no health check of the site; /api/health is for callers
  name: 'func-ebb-${environmentName}'
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}${package.name}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemory
        maximumInstanceCount: maximumInstances
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: settings.outputs.settings
    }
  }
}

module keyVault './app/key-vault.bicep' = if (keyStorage == 'keyvault') {
  name: 'ebb-key-vault'
  params: {
    name: keyVaultName
    writerId: identity.properties.principalId
  }
}

module settings './app/settings.bicep' = {
  name: 'ebb-settings'
  params: {
    identityName: identityName
    storageAccountName: storageAccountName
    applicationInsightsName: applicationInsightsName
    backend: backend
    taskSchedulerEndpoint: taskSchedulerEndpoint
    sqlConnection: sqlConnection
    hubName: hubName
    partitionCount: partitionCount
    activitiesPerReplica: activitiesPerReplica
    keyStorage: keyStorage
    keyVaultUri: keyStorage == 'keyvault' ? keyVault.outputs.uri : ''
    signsIn: signInClientId != ''
  }
}

module signIn './app/sign-in-flex.bicep' = if (signInClientId != '') {
  name: 'ebb-sign-in'
  params: {
    name: app.name
    clientId: signInClientId
  }
}

module alerts './app/alerts.bicep' = if (alertActionGroupId != '') {
  name: 'ebb-alerts'
  params: {
    name: environmentName
    location: location
    applicationInsightsName: applicationInsightsName
    actionGroupId: alertActionGroupId
  }
}

output SERVICE_EBB_NAME string = app.name
output SERVICE_EBB_URI string = 'https://${app.properties.defaultHostName}'
