// The database for Durable Functions on MSSQL. It takes identities only: the app's is its administrator and makes the
// schema at its first start. Auditing and alerts (CKV_AZURE_23, 24 and 25, which know no suppression in a file) are switched
// on for a subscription, with a place of its own.

@description('Name of the server.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of the identity that the app runs as.')
param identityName string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource server 'Microsoft.Sql/servers@2025-01-01' = {
  // checkov:skip=CKV_AZURE_113: replicas have no fixed address; access is by identity, a network is in docs/deploy.md
  name: name
  location: location
  tags: tags
  properties: {
    minimalTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      azureADOnlyAuthentication: true
      principalType: 'Application'
      login: identity.name
      sid: identity.properties.clientId
      tenantId: subscription().tenantId
    }
  }
}

// Replicas of the Consumption profile have no fixed address; this rule lets Azure's own in, and access is by identity.
resource fromAzure 'Microsoft.Sql/servers/firewallRules@2025-01-01' = {
  parent: server
  name: 'AllowAllWindowsAzureIps'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource database 'Microsoft.Sql/servers/databases@2025-01-01' = {
  // checkov:skip=CKV_AZURE_229: zones double the price of the cheapest tier; the state is replicated within the region
  // checkov:skip=CKV_AZURE_26: alerts are Defender for SQL, switched on for a subscription, not for a database
  // checkov:skip=CKV_AZURE_27: alerts are Defender for SQL, switched on for a subscription, not for a database
  parent: server
  name: 'DurableDB'
  location: location
  tags: tags
  sku: { name: 'GP_S_Gen5_1', tier: 'GeneralPurpose' } // serverless; a schedule that waits keeps it awake
  properties: {
    collation: 'Latin1_General_100_BIN2_UTF8' // the provider needs a binary UTF-8 collation
    minCapacity: json('0.5')
    autoPauseDelay: -1
    zoneRedundant: false
  }
}

output connection string = 'Server=tcp:${server.properties.fullyQualifiedDomainName},1433;Database=${database.name};Authentication=Active Directory Managed Identity;User Id=${identity.properties.clientId};Encrypt=True'
