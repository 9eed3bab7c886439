// Sign-in with Microsoft Entra ID before the app on Flex Consumption; the same as sign-in.bicep for Container Apps. Without
// a secret the login uses ID tokens alone, which the registration has to allow (docs/dashboard.md says how it is made).

@description('Name of the app.')
param name string

@minLength(36)
@description('Client id of the app registration.')
param clientId string

resource app 'Microsoft.Web/sites@2025-05-01' existing = {
  name: name
}

resource signIn 'Microsoft.Web/sites/config@2025-05-01' = {
  // checkov:skip=CKV_AZURE_13: this is the sign-in; the rule looks for the settings of its first version
  // checkov:skip=CKV_AZURE_63: these settings are those of the sign-in; those of the site are in flex.bicep
  // checkov:skip=CKV_AZURE_65: these settings are those of the sign-in; those of the site are in flex.bicep
  // checkov:skip=CKV_AZURE_66: these settings are those of the sign-in; those of the site are in flex.bicep
  // checkov:skip=CKV_AZURE_80: these settings are those of the sign-in; those of the site are in flex.bicep
  // checkov:skip=CKV_AZURE_88: these settings are those of the sign-in; those of the site are in flex.bicep
  // checkov:skip=CKV_AZURE_222: these settings are those of the sign-in; those of the site are in flex.bicep
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: ['/api/health'] // says no more than it must, and others look at it
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [clientId, 'api://${clientId}'] }
      }
    }
    login: { preserveUrlFragmentsForLogins: true }
  }
}
