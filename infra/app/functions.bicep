// Azure Functions on Container Apps (kind functionapp): the platform derives the scale rules from the triggers.
// Own rules are refused here unless allowScalingRuleOverride is set, by a PATCH after the app exists: see docs/deploy.md.

@description('Name of the app.')
param name string

@description('Region.')
param location string

@description('Tags; azd finds the app by azd-service-name.')
param tags object

@description('Image with its tag.')
param imageName string

@description('Container registry.')
param containerRegistryName string

@description('Container Apps environment.')
param containerAppsEnvironmentName string

@description('User-assigned identity.')
param identityName string

@description('Whether the HTTP API can be reached from outside the environment.')
param externalIngress bool

@description('Replicas kept at all times.')
param minReplicas int

@description('Replicas at most.')
param maxReplicas int

@description('App settings.')
param settings array

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: containerRegistryName
}

resource environment 'Microsoft.App/managedEnvironments@2026-07-01' existing = {
  name: containerAppsEnvironmentName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

// Durable Functions builds its status addresses from this name: inside the environment it has one more part.
var outer = environment.properties.defaultDomain
var domain = externalIngress ? outer : 'internal.${outer}'

resource app 'Microsoft.App/containerApps@2026-07-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      // Two live revisions would be two hosts with different code on one task hub.
      activeRevisionsMode: 'Single'
      ingress: {
        external: externalIngress
        targetPort: 8080
        allowInsecure: false
        transport: 'auto'
      }
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
    }
    template: {
      // As long as one execution may take to finish what it holds after it was told to stop (10 minutes is the maximum).
      terminationGracePeriodSeconds: 600
      containers: [
        {
          name: 'ebb'
          image: imageName
          env: concat(settings, [
            { name: 'WEBSITE_HOSTNAME', value: '${name}.${domain}' }
          ])
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/api/health?scope=host', port: 8080 }
              periodSeconds: 10
              failureThreshold: 30
              timeoutSeconds: 5
            }
            {
              type: 'Readiness'
              httpGet: { path: '/api/health?scope=host', port: 8080 }
              periodSeconds: 30
              failureThreshold: 3
              timeoutSeconds: 5
            }
            {
              type: 'Liveness'
              tcpSocket: { port: 8080 }
              periodSeconds: 30
              failureThreshold: 5
              timeoutSeconds: 5
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
      }
    }
  }
}

output uri string = 'https://${app.properties.configuration.ingress.fqdn}'
output name string = app.name
