// Where the image lies. No admin user: the app pulls with its identity.

@description('Name of the registry.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Principal that pulls.')
param pullerId string

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  // checkov:skip=CKV_AZURE_139: the builder and the app reach a Basic registry over its public address; access is by role
  // checkov:skip=CKV_AZURE_163: scanning is Defender for Containers, switched on for a subscription, not for a registry
  // checkov:skip=CKV_AZURE_166: quarantine needs a Premium registry
  name: name
  location: location
  tags: tags
  sku: { name: 'Basic' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, pullerId, acrPull)
  scope: registry
  properties: {
    principalId: pullerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

output name string = registry.name
output endpoint string = registry.properties.loginServer
