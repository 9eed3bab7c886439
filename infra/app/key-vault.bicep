// Function keys in a Key Vault that is there already: the app's identity may read and write its secrets.

@description('Name of the Key Vault, in the same resource group; it must take roles (enableRbacAuthorization).')
param name string

@description('Principal that the app runs as.')
param writerId string

var keyVaultSecretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: name
}

resource mayWrite 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, writerId, keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: writerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsOfficer)
  }
}

output uri string = vault.properties.vaultUri
