// App settings, shared by both ways of hosting. Every connection is an identity; there is no key to leak or to rotate.

@description('User-assigned identity of the app.')
param identityName string

@description('Storage account.')
param storageAccountName string

@description('Application Insights component.')
param applicationInsightsName string

@allowed(['azureStorage', 'durableTaskScheduler', 'mssql'])
@description('Where Durable Functions keeps its state.')
param backend string

@description('Address of the Durable Task Scheduler; empty with Azure Storage.')
param taskSchedulerEndpoint string

@description('Connection string of the SQL database, which names an identity; empty with another backend.')
param sqlConnection string

@description('Name of the task hub.')
param hubName string

@description('Whether people sign in before they reach the app, so that it asks for roles and not for a key.')
param signsIn bool

@description('Control queues of the task hub on Azure Storage.')
param partitionCount int

@description('Executions that one replica runs at once.')
param activitiesPerReplica int

@allowed(['blob', 'keyvault'])
@description('Where the host keeps its function keys.')
param keyStorage string

@description('Address of the Key Vault for function keys; empty with blob.')
param keyVaultUri string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource account 'Microsoft.Storage/storageAccounts@2026-09-01' existing = {
  name: storageAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

var common = [
  // Delete nothing here in favour of a plain AzureWebJobsStorage: the exact name would win over these.
  { name: 'AzureWebJobsStorage__blobServiceUri', value: account.properties.primaryEndpoints.blob }
  { name: 'AzureWebJobsStorage__queueServiceUri', value: account.properties.primaryEndpoints.queue }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: account.properties.primaryEndpoints.table }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'Authorization=AAD;ClientId=${identity.properties.clientId}'
  }
  { name: 'AzureFunctionsJobHost__extensions__durableTask__hubName', value: hubName }
  {
    name: 'AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions'
    value: '${activitiesPerReplica}'
  }
  // Without it keys lie on a replica's own disk and are others after each restart.
  { name: 'AzureWebJobsSecretStorageType', value: keyStorage }
  // At SIGTERM the host stops taking work and finishes what it has, within the grace period of the template.
  { name: 'FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING', value: 'true' }
  // Metrics as log lines, which the host sends to Application Insights: see docs/operations.md.
  { name: 'EbbTelemetry', value: 'host' }
]

var keys = keyStorage == 'blob' ? [] : [
  { name: 'AzureWebJobsSecretStorageKeyVaultUri', value: keyVaultUri }
  { name: 'AzureWebJobsSecretStorageKeyVaultClientId', value: identity.properties.clientId }
]

var stored = [
  {
    name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__partitionCount'
    value: '${partitionCount}'
  }
]

var inDatabase = [
  { name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__type', value: 'mssql' }
  {
    name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName'
    value: 'SQLDB_Connection'
  }
  { name: 'SQLDB_Connection', value: sqlConnection }
]

var scheduled = [
  { name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__type', value: 'azureManaged' }
  {
    name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName'
    value: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
  }
  {
    name: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
    value: 'Endpoint=${taskSchedulerEndpoint};TaskHub=${hubName};Authentication=ManagedIdentity;ClientID=${identity.properties.clientId}'
  }
]

// Only together with sign-in.bicep: without it nobody would look at who calls.
var roles = [
  { name: 'EbbAccess', value: 'easyAuth' }
]

var ofBackend = backend == 'durableTaskScheduler' ? scheduled : backend == 'mssql' ? inDatabase : stored

output settings array = concat(common, keys, ofBackend, signsIn ? roles : [])
