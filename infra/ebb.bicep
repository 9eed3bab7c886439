// The app: one container image on Azure Container Apps, as a function app or, on request, as a plain container app.
// azd deploy and infra/deploy.sh apply this file with the image that they have just built: one revision a deployment.

@minLength(1)
@description('Name of the environment, as in main.bicep.')
param environmentName string

@description('Region of the app.')
param location string = resourceGroup().location

@minLength(1)
@description('Image to run, with its tag.')
param imageName string

@description('Container registry that holds the image.')
param containerRegistryName string

@description('Container Apps environment.')
param containerAppsEnvironmentName string

@description('User-assigned identity of the app.')
param identityName string

@description('Storage account of host, task hub, schedules and history.')
param storageAccountName string

@description('Application Insights component.')
param applicationInsightsName string

@allowed(['functions', 'container'])
@description('functions: kind functionapp, the platform derives scale rules. container: a plain app with the rules of ours.')
param hosting string = 'functions'

@allowed(['azureStorage', 'durableTaskScheduler', 'mssql'])
@description('Where Durable Functions keeps its state, as in main.bicep.')
param backend string = 'azureStorage'

@description('Address of the Durable Task Scheduler; empty with Azure Storage.')
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

@minValue(-1)
@description('Replicas kept at all times; -1 takes what the backend needs.')
param minReplicas int = -1

@minValue(1)
@maxValue(1000)
@description('Replicas at most.')
param maxReplicas int = 10

@description('Whether the HTTP API can be reached from outside the environment.')
param externalIngress bool = true

@description('Client id of an app registration: people sign in with it, and no function key is asked for. Empty: by key.')
param signInClientId string = ''

@description('Resource id of an action group that is called when a schedule needs somebody. Empty: no alerts.')
param alertActionGroupId string = ''

// With Azure Storage nothing wakes a replica from zero: a pending durable timer would wait for ever. With a database the
// platform has a rule, but nobody has shown that it works with an identity.
var neededReplicas = backend == 'durableTaskScheduler' ? 0 : 1
var floor = minReplicas == -1 ? neededReplicas : minReplicas
var tags = { 'azd-env-name': environmentName, 'azd-service-name': 'ebb' }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

module functions './app/functions.bicep' = if (hosting == 'functions') {
  name: 'ebb-functions'
  params: {
    name: 'ca-ebb-${environmentName}'
    location: location
    tags: tags
    imageName: imageName
    containerRegistryName: containerRegistryName
    containerAppsEnvironmentName: containerAppsEnvironmentName
    identityName: identityName
    externalIngress: externalIngress
    minReplicas: floor
    maxReplicas: maxReplicas
    settings: settings.outputs.settings
  }
}

module container './app/container.bicep' = if (hosting == 'container') {
  name: 'ebb-container'
  params: {
    name: 'ca-ebb-${environmentName}'
    location: location
    tags: tags
    imageName: imageName
    containerRegistryName: containerRegistryName
    containerAppsEnvironmentName: containerAppsEnvironmentName
    identityName: identityName
    externalIngress: externalIngress
    minReplicas: floor
    maxReplicas: maxReplicas
    settings: settings.outputs.settings
    storageAccountName: storageAccountName
    hubName: hubName
    partitionCount: partitionCount
    activitiesPerReplica: activitiesPerReplica
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

module signIn './app/sign-in.bicep' = if (signInClientId != '') {
  name: 'ebb-sign-in'
  params: {
    name: hosting == 'functions' ? functions.outputs.name : container.outputs.name
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

output SERVICE_EBB_NAME string = 'ca-ebb-${environmentName}'
output SERVICE_EBB_URI string = hosting == 'functions' ? functions.outputs.uri : container.outputs.uri
