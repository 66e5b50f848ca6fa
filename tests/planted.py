"""Where people write freely in what Azure answers with: there a secret can stand. Paths by resource type.

The text is what is put there; `{}` stands for the secret.
"""

from __future__ import annotations

ACTIONS = "properties.definition.actions"
REWRITE = "properties.rewriteRuleSets[*].properties.rewriteRules[*].actionSet"
POD = "properties.template"
GROUP = "properties.containers[*].properties"
POOL = "properties.deploymentConfiguration.virtualMachineConfiguration"
SET = "properties.virtualMachineProfile"
ADF = "properties.typeProperties"
# What may stand in any resource: in its tags, and in members that nobody knows.
ANYWHERE = {
    "tags.note": "Server=s;Password={};",
    "tags.DB_PASSWORD": "{}",
    "properties.unheard.of.connection": "postgres://u:{}@host/db",
    "properties.unheard.of.repository": "https://{}@contoso.example/repo.git",
    "properties.unheard.of.link": "https://contoso.example/c?sv=1&sig={}",
    "properties.unheard.of.encoded": "https%3A%2F%2Fx%3Fsv%3D1%26sig%3D{}",
    "properties.unheard.of.list[*].deep[*].header": "Bearer {}",
    "properties.unheard.of.list[*].jwt": "eyJhbGciOiJub25lIn0.{}.x",
    "properties.unheard.of.accountKey.value": "{}",
    "properties.unheard.of.sharedKey[*].text": "{}",
    "properties.unheard.of.parameters.adminPassword.defaultValue": "{}",
    "properties.unheard.of.env[*].value": "{}",
    "properties.unheard.of.environmentVariables.OWN": "{}",
    "properties.unheard.of.requestHeaders.X-Own": "{}",
    "properties.unheard.of.initContainers[*].command[*]": "{}",
    "properties.unheard.of.pem": "-----BEGIN PRIVATE KEY----- {}",
    "properties.unheard.of.text": '{{"clientSecret": "{}"}}',
}
PLACES: dict[str, dict[str, str]] = {
    "Microsoft.Logic/workflows": {
        f"{ACTIONS}.Get.inputs.headers.X-Own": "{}",
        f"{ACTIONS}.Scope.actions.Http.inputs.headers.Authorization": "Basic {}",
        f"{ACTIONS}.Scope.actions.If.else.actions.Loop.actions.Http.inputs.body.inner[*].text": "{}",
        f"{ACTIONS}.Switch.cases.One.actions.Http.inputs.uri": "https://contoso.example/{}",
        f"{ACTIONS}.If.expression.and[*].equals[*]": "{}",
        "properties.definition.outputs.answer.value": "{}",
        "properties.definition.parameters.given.defaultValue": "{}",
        "properties.definition.parameters.given.allowedValues[*]": "{}",
        "properties.definition.triggers.manual.inputs.headers.X-Own": "{}",
        "properties.definition.triggers.manual.conditions[*].expression": "@equals(triggerBody()?['x'], '{}')",
        "properties.parameters.given.value": "{}",
        "properties.parameters.$connections.value.one.connectionProperties.authentication.text": "{}",
        **ANYWHERE,
    },
    "Microsoft.App/containerApps": {
        f"{POD}.containers[*].env[*].value": "{}",
        f"{POD}.containers[*].command[*]": "{}",
        f"{POD}.containers[*].args[*]": "{}",
        f"{POD}.containers[*].probes[*].httpGet.httpHeaders[*].value": "{}",
        f"{POD}.initContainers[*].env[*].value": "{}",
        f"{POD}.initContainers[*].args[*]": "{}",
        f"{POD}.scale.rules[*].custom.metadata.host": "{}",
        f"{POD}.scale.rules[*].http.metadata.own": "{}",
        f"{POD}.volumes[*].mountOptions": "username=u,{}",
        "properties.configuration.secrets[*].value": "{}",
        **ANYWHERE,
    },
    "Microsoft.App/jobs": {
        f"{POD}.containers[*].env[*].value": "{}",
        f"{POD}.containers[*].args[*]": "{}",
        f"{POD}.initContainers[*].command[*]": "{}",
        "properties.configuration.eventTriggerConfig.scale.rules[*].metadata.own": "{}",
        **ANYWHERE,
    },
    "Microsoft.ContainerInstance/containerGroups": {
        f"{GROUP}.environmentVariables[*].value": "{}",
        f"{GROUP}.command[*]": "{}",
        f"{GROUP}.livenessProbe.exec.command[*]": "{}",
        f"{GROUP}.readinessProbe.httpGet.httpHeaders[*].value": "{}",
        f"{GROUP}.configMap.keyValuePairs.own": "{}",
        "properties.initContainers[*].properties.command[*]": "{}",
        "properties.initContainers[*].properties.environmentVariables[*].value": "{}",
        "properties.volumes[*].gitRepo.repository": "https://contoso.example/{}/repo.git",
        "properties.volumes[*].secret.file": "{}",
        "properties.extensions[*].properties.settings.own": "{}",
        "properties.diagnostics.logAnalytics.metadata.own": "{}",
        "properties.confidentialComputeProperties.ccePolicy": "{}",
        **ANYWHERE,
    },
    "Microsoft.ContainerService/managedClusters": {
        "properties.servicePrincipalProfile.secret": "{}",
        "properties.windowsProfile.adminPassword": "{}",
        "properties.httpProxyConfig.httpProxy": "http://u:{}@proxy",
        "properties.addonProfiles.own.config.connectionString": "{}",
        **ANYWHERE,
    },
    "Microsoft.Batch/batchAccounts/pools": {
        f"{POOL}.extensions[*].settings.own": "{}",
        f"{POOL}.containerConfiguration.containerRegistries[*].password": "{}",
        "properties.startTask.commandLine": "run {}",
        "properties.startTask.environmentSettings[*].value": "{}",
        "properties.startTask.containerSettings.containerRunOptions": "--env OWN={}",
        "properties.startTask.resourceFiles[*].httpUrl": "https://contoso.example/{}",
        "properties.mountConfiguration[*].cifsMountConfiguration.mountOptions": "{}",
        "properties.metadata[*].value": "{}",
    },
    "Microsoft.Compute/virtualMachines": {
        "properties.osProfile.customData": "{}",
        "properties.osProfile.windowsConfiguration.additionalUnattendContent[*].content": "{}",
        "properties.userData": "{}",
        "properties.instanceView.extensions[*].substatuses[*].message": "stdout {}",
        "resources[*].properties.settings.own": "{}",
        **ANYWHERE,
    },
    "Microsoft.Compute/virtualMachines/extensions": {
        "properties.settings.fileUris[*]": "https://contoso.example/{}",
        "properties.settings.commandToExecute": "run {}",
        "properties.protectedSettings.own": "{}",
        "properties.instanceView.statuses[*].message": "stdout {}",
    },
    "Microsoft.Compute/virtualMachineScaleSets": {
        f"{SET}.osProfile.customData": "{}",
        f"{SET}.userData": "{}",
        f"{SET}.extensionProfile.extensions[*].properties.settings.script": "{}",
    },
    "Microsoft.HybridCompute/machines": {
        "properties.agentConfiguration.proxyUrl": "http://proxy/{}",
        "properties.detectedProperties.own": "{}",
        **ANYWHERE,
    },
    "Microsoft.HybridCompute/machines/extensions": {"properties.settings.own": "{}"},
    "Microsoft.Kubernetes/connectedClusters": {"properties.arcAgentryConfigurations[*].settings.own": "{}"},
    "Microsoft.KubernetesConfiguration/extensions": {
        "properties.configurationSettings.own": "{}",
        "properties.statuses[*].message": "helm --set own={}",
    },
    "Microsoft.DataFactory/factories": {"properties.globalParameters.own.value": "{}", **ANYWHERE},
    "Microsoft.DataFactory/factories/integrationRuntimes": {
        f"{ADF}.linkedInfo.credential.own": "{}",
        f"{ADF}.ssisProperties.customSetupScriptProperties.blobContainerUri": "https://contoso.example/{}",
        f"{ADF}.ssisProperties.expressCustomSetupProperties[*].typeProperties.own.value": "{}",
        f"{ADF}.ssisProperties.packageStores[*].own": "{}",
    },
    "Microsoft.Web/sites": ANYWHERE,
    "Microsoft.Web/sites/config": {
        "properties.appCommandLine": "run {}",
        "properties.appSettings[*].value": "{}",
        "properties.connectionStrings[*].connectionString": "{}",
        "properties.linuxFxVersion": "COMPOSE|{}",
    },
    "Microsoft.Web/sites/functions": {"properties.test_data": "{}", "properties.files.index": "{}"},
    "Microsoft.Web/staticSites": {"properties.buildProperties.appBuildCommand": "run {}"},
    "Microsoft.Automation/automationAccounts/variables": {"properties.value": "{}"},
    "Microsoft.ApiManagement/service/namedValues": {"properties.value": "{}"},
    "Microsoft.ApiManagement/service/backends": {
        "properties.credentials.header.X-Own[*]": "{}",
        "properties.credentials.query.own[*]": "{}",
    },
    "Microsoft.EventGrid/namespaces": {"properties.topicSpacesConfiguration.routingEnrichments.static[*].value": "{}"},
    "Microsoft.StreamAnalytics/streamingjobs": {
        "properties.inputs[*].properties.datasource.properties.own": "{}",
        "properties.outputs[*].properties.datasource.properties.storageAccounts[*].own": "{}",
        "properties.functions[*].properties.properties.binding.properties.own": "{}",
        "properties.transformation.properties.query": "select {}",
    },
    "Microsoft.MachineLearningServices/workspaces/computes": {
        "properties.properties.customServices[*].environmentVariables.own.value": "{}",
        "properties.properties.propertyBag.own": "{}",
        "properties.properties.setupScripts.scripts.creationScript.scriptData": "{}",
    },
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints": {"properties.properties.own": "{}"},
    "Microsoft.NotificationHubs/namespaces": {"properties.pnsCredentials.gcmCredential.properties.own": "{}"},
    "Microsoft.CognitiveServices/accounts/connections": {
        "properties.credentials.keys.own": "{}",
        "properties.metadata.own": "{}",
    },
    "Microsoft.AppPlatform/Spring/apps": {"properties.addonConfigs.own.deep": "{}"},
    "Microsoft.ServiceFabric/managedClusters": {"properties.fabricSettings[*].parameters[*].value": "{}"},
    "Microsoft.ServiceFabric/managedClusters/nodeTypes": {"properties.vmExtensions[*].properties.settings.own": "{}"},
    "Microsoft.Cdn/profiles/endpoints": {"properties.deliveryPolicy.rules[*].actions[*].parameters.value": "{}"},
    "Microsoft.Network/frontDoors": {
        "properties.rulesEngines[*].properties.rules[*].action.requestHeaderActions[*].value": "{}",
    },
    "Microsoft.Network/FrontDoorWebApplicationFirewallPolicies": {
        "properties.customRules.rules[*].matchConditions[*].matchValue[*]": "{}",
    },
    "Microsoft.Network/applicationGateways": {
        f"{REWRITE}.requestHeaderConfigurations[*].headerValue": "{}",
    },
    "Microsoft.Network/firewallPolicies/ruleCollectionGroups": {
        "properties.ruleCollections[*].rules[*].httpHeadersToInsert[*].headerValue": "{}",
    },
    "Microsoft.Network/networkSecurityGroups": ANYWHERE,
    "Microsoft.Storage/storageAccounts": ANYWHERE,
    "Microsoft.Insights/actionGroups": {
        "properties.webhookReceivers[*].serviceUri": "https://contoso.example/{}",
        "properties.itsmReceivers[*].ticketConfiguration": "{}",
    },
    "Microsoft.Insights/scheduledQueryRules": {"properties.actions.customProperties.own": "{}"},
    "Microsoft.Relay/namespaces/hybridConnections": {"properties.userMetadata": "{}"},
    "Microsoft.DesktopVirtualization/hostPools": {"properties.vmTemplate": "{}"},
    "Microsoft.Devices/IotHubs": {"properties.routing.enrichments[*].value": "{}"},
    "Microsoft.SignalRService/signalR": {"properties.upstream.templates[*].urlTemplate": "https://x/{}"},
    "Microsoft.HDInsight/clusters": {"properties.computeProfile.roles[*].scriptActions[*].parameters": "{}"},
}
