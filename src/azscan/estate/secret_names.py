"""Members that hold secrets whatever resource they stand in, by what they are called."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

# Without punctuation and in lower case. tests/contract proves that every path that Microsoft's schema flags as
# sensitive in a declared type is covered.
SECRET_NAMES = frozenset(
    {
        "accesskey",
        "accesskey1",
        "accesskey2",
        "accesstoken",
        "accountkey",
        "administratorloginpassword",
        "adminpassword",
        "aegsaskey",
        "apikey",
        "authorization",
        "authorizationcode",
        "authorizationkey",
        "authtoken",
        "bitlockerkey",
        "certificatekey",
        "certificatepassword",
        "certificatevalue",
        "callbackurl",
        "clientsecret",
        "cookie",
        "connectionkey",
        "connectionstring",
        "connectionstringprimarykey",
        "connectionstringsecondarykey",
        "credential",
        "customdata",
        "developertoken",
        "encodedcertificate",
        "encryptedcredential",
        "encryptedcredentials",
        "hubdatabasepassword",
        "instrumentationkey",
        "keydata",
        "keytab",
        "kubeconfig",
        "licensekey",
        "osprofilepassword",
        "pass",
        "passcode",
        "passkey",
        "passphrase",
        "passwd",
        "password",
        "pfxblob",
        "primaryaccesskey",
        "primaryconnectionstring",
        "primarykey",
        "primarymasterkey",
        "primaryreadonlymasterkey",
        "primarysharedkey",
        "privatekey",
        "privatekeydata",
        "productkey",
        "protectedsettingsfromkeyvault",
        "publishingpassword",
        "pwd",
        "refreshtoken",
        "registrationtoken",
        "sas",
        "sastoken",
        "sasuri",
        "sasurl",
        "scripturi",
        "secondaryaccesskey",
        "secondaryconnectionstring",
        "secondarykey",
        "secondarymasterkey",
        "secondaryreadonlymasterkey",
        "secondarysharedkey",
        "secret",
        "secretstring",
        "secretvalue",
        "securestring",
        "securevalue",
        "securitytoken",
        "sharedaccesskey",
        "sharedaccesspolicykey",
        "sharedkey",
        "sharedsecret",
        "storageaccountaccesskey",
        "storageaccountkey",
        "storagekey",
        "token",
        "userdata",
        "validationkey",
        "verificationtoken",
        "verifytoken",
        "webhookuri",
        "webhookurl",
        "workspacekey",
        "xfunctionskey",
    }
)
SECRET_ENDINGS = (
    "accesskey",
    "accesstokenvalue",
    "accountkey",
    "adminpass",
    "apikey",
    "connectionstr",
    "connectionstring",
    "connstr",
    "connstring",
    "dbpass",
    "functionkey",
    "functionskey",
    "hostkey",
    "masterkey",
    "passphrase",
    "passwd",
    "password",
    "passwordvalue",
    "privatekey",
    "privatekeypem",
    "pwd",
    "saskey",
    "secret",
    "secretkey",
    "secretvalue",
    "sharedkey",
    "signingkey",
    "subscriptionkey",
    "token",
    "userpass",
)
# They end like one, and are a choice of ways to sign in, the path of a volume, and limits.
NO_SECRETS = frozenset({"aadorapikey", "creationtoken", "maxcontexttoken", "maxoutputtoken"})
# Members in which people write what they like: variables, headers, commands, scripts. All of it is taken out but what
# the items of a list are called.
FREE_NAMES = frozenset(
    {
        "additionalunattendcontent",
        "appcommandline",
        "appsettings",
        "args",
        "arguments",
        "blobfuseoptions",
        "cloudinit",
        "command",
        "commandline",
        "commandlinearguments",
        "commands",
        "commandtoexecute",
        "connectionstrings",
        "containerrunoptions",
        "deliveryattributemappings",
        "environmentsettings",
        "environmentvariables",
        "envvars",
        "headervalue",
        "httpheaders",
        "inlinescript",
        "mountoptions",
        "policyassignmentparameters",
        "protectedparameters",
        "protectedsettings",
        "requestheaders",
        "responseheaders",
        "scriptarguments",
        "scriptcontent",
        "setupscripts",
        "startupcommand",
        "startupscript",
        "trackedproperties",
        "webhookproperties",
    }
)
FREE_ENDINGS = ("buildcommand",)
# Free where they hold lists and maps; a text of that name is a tag or a choice.
FREE_INSIDE = frozenset({"entrypoint", "env", "headers", "script"})


_PUNCTUATION = str.maketrans("", "", "_-. :/")


class Named(IntEnum):
    """What a name says of its member."""

    NOTHING = 0
    SECRET = 1
    FREE = 2
    FREE_INSIDE = 3


@lru_cache(maxsize=8192)
def named(name: str) -> Named:
    """What a member of that name holds, in whatever resource it stands."""
    plain = plain_name(name)
    if plain in FREE_INSIDE:
        return Named.FREE_INSIDE
    if plain in FREE_NAMES or plain.endswith(FREE_ENDINGS) or plain.startswith("connectionstrings"):
        return Named.FREE
    # Two keys of one kind are numbered.
    if plain in SECRET_NAMES or (plain.rstrip("0123456789").endswith(SECRET_ENDINGS) and plain not in NO_SECRETS):
        return Named.SECRET
    return Named.NOTHING


def is_secret_name(name: str) -> bool:
    """True where a member of that name holds a secret in whatever resource it stands."""
    return named(name) is Named.SECRET


def plain_name(name: str) -> str:
    """A name without case and punctuation: a secret is one however a provider spells it."""
    return name.translate(_PUNCTUATION).lower()
