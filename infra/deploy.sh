#!/usr/bin/env bash
# Puts Ebb on Azure with the az command line alone: what the app stands on, the image, the app. Run again to update.
#
#   infra/deploy.sh NAME LOCATION [--backend azureStorage|durableTaskScheduler|mssql]
#                                 [--hosting functions|container|flex] [--keys blob|VAULT]
#                                 [--alerts GROUP] [--sign-in CLIENT]
#
# NAME names the resource group (rg-NAME) and all resources; VAULT is a Key Vault in that group; GROUP is the resource id
# of an action group; CLIENT is the client id of an app registration that people sign in with. Needs: az login, and the
# right to assign roles; flex also needs the Azure Functions Core Tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    sed -n '2,10s/^# \{0,1\}//p' infra/deploy.sh >&2
    exit 2
}

[[ $# -ge 2 ]] || usage
name=$1 location=$2 backend=azureStorage hosting=functions keys=blob alerts='' client=''
shift 2
while [[ $# -ge 2 ]]; do
    case $1 in
        --backend) backend=$2 ;;
        --hosting) hosting=$2 ;;
        --keys) keys=$2 ;;
        --alerts) alerts=$2 ;;
        --sign-in) client=$2 ;;
        *) usage ;;
    esac
    shift 2
done
[[ $# -eq 0 ]] || usage
group=rg-$name
platform=containerApps
[[ $hosting != flex ]] || platform=flex
vault=()
[[ $keys == blob ]] || vault=(keyStorage=keyvault "keyVaultName=$keys")
tag=$(git rev-parse --short=12 HEAD 2>/dev/null || date +%Y%m%d%H%M%S)

echo "== 1 of 3: identity, storage, registry, logs and environment in $group"
operator=$(az ad signed-in-user show --query id --output tsv 2>/dev/null || true)
az deployment sub create --name "ebb-$name" --location "$location" --template-file infra/main.bicep --output none \
    --parameters environmentName="$name" location="$location" backend="$backend" principalId="$operator" \
    hosting="$platform"

# az writes the names of outputs with a small first part in some versions: compare without regard to case
outputs=$(az deployment sub show --name "ebb-$name" --output json --query properties.outputs)
output() {
    python3 -c 'import json, sys
found = {name.lower(): entry["value"] for name, entry in json.load(sys.stdin).items()}
print(found[sys.argv[1].lower()])' "$1" <<<"$outputs"
}
app_parameters=(
    environmentName="$name" backend="$backend" alertActionGroupId="$alerts" signInClientId="$client"
    ${vault[@]+"${vault[@]}"}
    identityName="$(output SERVICE_EBB_IDENTITY_NAME)"
    storageAccountName="$(output AZURE_STORAGE_ACCOUNT_NAME)"
    applicationInsightsName="$(output APPLICATIONINSIGHTS_NAME)"
    taskSchedulerEndpoint="$(output EBB_TASK_SCHEDULER_ENDPOINT)"
    sqlConnection="$(output EBB_SQL_CONNECTION)"
)
deploy_app() { # template, further parameters
    az deployment group create --name ebb-app --resource-group "$group" --template-file "$1" \
        --query properties.outputs --output json --parameters "${app_parameters[@]}" "${@:2}"
}

if [[ $hosting == flex ]]; then
    echo "== 2 of 3: the function app"
    outputs=$(deploy_app infra/flex.bicep)
    app=$(output SERVICE_EBB_NAME)
    echo "== 3 of 3: the code, built by the platform"
    func azure functionapp publish "$app" --python --build remote
    keys_command="az functionapp keys list -g $group -n $app"
else
    registry=$(output AZURE_CONTAINER_REGISTRY_NAME)
    image=$(output AZURE_CONTAINER_REGISTRY_ENDPOINT)/ebb:$tag
    environment=$(output AZURE_CONTAINER_ENVIRONMENT_NAME)
    echo "== 2 of 3: image $image, built in the registry"
    az acr build --registry "$registry" --image "ebb:$tag" --file Dockerfile . --output none
    echo "== 3 of 3: the app"
    outputs=$(deploy_app infra/ebb.bicep imageName="$image" hosting="$hosting" \
        containerRegistryName="$registry" containerAppsEnvironmentName="$environment")
    keys_command="az containerapp function keys list -g $group -n ca-ebb-$name --key-type hostKey"
fi
uri=$(output SERVICE_EBB_URI)

echo "health:  $uri/api/health"
[[ -n $client ]] || echo "key:     $keys_command"
echo "next:    docs/deploy.md, 'Start a schedule'"
