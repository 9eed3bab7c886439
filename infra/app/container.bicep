// The same image as a plain container app: no trigger is looked at, the KEDA rules below are all there is, so replicas
// follow the fan-out of the task hub on Azure Storage. The price: no function keys from the platform, no invocation view.

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

@description('Storage account of the task hub.')
param storageAccountName string

@description('Name of the task hub.')
param hubName string

@description('Control queues of the task hub.')
param partitionCount int

@description('Executions that one replica runs at once.')
param activitiesPerReplica int

// Work items are counted with those in work, so that replicas stay while executions run.
var workItems = [
  {
    name: 'work-items'
    custom: {
      type: 'azure-queue'
      identity: identity.id
      metadata: {
        accountName: storageAccountName
        queueName: '${toLower(hubName)}-workitems'
        queueLength: '${activitiesPerReplica}' // a replica more for each so many executions
        queueLengthStrategy: 'all'
      }
    }
  }
]

// A pending durable timer is an invisible message in a control queue: only visible ones are work for a replica.
var control = [for number in range(0, partitionCount): {
  name: 'control-${padLeft(number, 2, '0')}'
  custom: {
    type: 'azure-queue'
    identity: identity.id
    metadata: {
      accountName: storageAccountName
      queueName: '${toLower(hubName)}-control-${padLeft(number, 2, '0')}'
      queueLength: '32'
      queueLengthStrategy: 'visibleonly'
    }
  }
}]

var requests = [
  {
    name: 'http'
    http: { metadata: { concurrentRequests: '50' } }
  }
]

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
        pollingInterval: 15
        rules: concat(workItems, control, requests)
      }
    }
  }
}

output uri string = 'https://${app.properties.configuration.ingress.fqdn}'
