// Sign-in with Microsoft Entra ID before the app: who is not signed in is sent to the login page, and the app checks the
// roles of who is. The registration is made beforehand (docs/dashboard.md says how); no secret is needed for tokens of it.

@description('Name of the app.')
param name string

@minLength(36)
@description('Client id of the app registration.')
param clientId string

resource app 'Microsoft.App/containerApps@2026-07-01' existing = {
  name: name
}

resource signIn 'Microsoft.App/containerApps/authConfigs@2026-07-01' = {
  parent: app
  name: 'current'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: ['/api/health'] // says no more than it must, and others look at it
    }
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
