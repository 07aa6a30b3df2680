"""What is known of web frameworks: the names that make an application, and how it is served."""

import re
from typing import Literal

Kind = Literal["asgi", "wsgi", "dash"]

# The top package of a name and its last part. A name that a package exports at several places
# (`fastapi.FastAPI`, `fastapi.applications.FastAPI`) is one row.
_MAKERS: dict[Kind, str] = {
    "asgi": (
        "fastapi.FastAPI starlette.Starlette litestar.Litestar starlite.Starlite quart.Quart "
        "quart_trio.QuartTrio sanic.Sanic blacksheep.Application esmerald.Esmerald ravyn.Ravyn "
        "lilya.Lilya xpresso.App responder.API muffin.Application apiflask_async.APIFlask "
        "django.get_asgi_application channels.ProtocolTypeRouter socketio.ASGIApp "
        "engineio.ASGIApp ariadne.GraphQL strawberry.GraphQL asgiref.WsgiToAsgi "
        "a2wsgi.WSGIMiddleware gradio.mount_gradio_app fasthtml.FastHTML connexion.AsyncApp "
        "connexion.FlaskApp connexion.App airy.Airy stario.Stario"
    ),
    "wsgi": (
        "flask.Flask bottle.Bottle bottle.default_app bottle.app bottle.AppStack falcon.App "
        "falcon.API apiflask.APIFlask flask_openapi3.OpenAPI flask_openapi3.APIFlask "
        "eve.Eve pyramid.router.Router django.get_wsgi_application socketio.WSGIApp "
        "socketio.Middleware engineio.WSGIApp a2wsgi.ASGIMiddleware whitenoise.WhiteNoise "
        "werkzeug.DispatcherMiddleware werkzeug.ProxyFix werkzeug.SharedDataMiddleware "
        "cherrypy.Application morepath.App webapp2.WSGIApplication spyne.WsgiApplication "
        "microdot.Microdot moto.DomainDispatcherApplication prometheus_client.make_wsgi_app"
    ),
    "dash": "dash.Dash dash_extensions.DashProxy dash.JupyterDash jupyter_dash.JupyterDash",
}
# Names of which the module decides.
_BY_MODULE: dict[str, Kind] = {
    "falcon.asgi.App": "asgi",
    "falcon.asgi.app.App": "asgi",
    "microdot.asgi.Microdot": "asgi",
    "prometheus_client.make_asgi_app": "asgi",
}
_KINDS = {name: kind for kind, names in _MAKERS.items() for name in names.split()}
# Methods that return an application, whatever the object is.
METHODS: dict[str, Kind] = {
    "make_wsgi_app": "wsgi",
    "wsgifunc": "wsgi",
    "get_wsgi_app": "wsgi",
    "http_app": "asgi",
    "sse_app": "asgi",
    "streamable_http_app": "asgi",
}
CONVENTIONAL = ("app", "application", "api", "asgi", "wsgi", "server", "asgi_app", "wsgi_app")
FACTORIES = (
    "create_app", "make_app", "get_app", "build_app", "create_application", "make_application",
    "get_application", "build_application", "application_factory", "app_factory", "factory",
    "create_api", "make_wsgi_app", "main",
)  # fmt: skip
_TOPS = sorted({name.partition(".")[0] for name in (*_KINDS, *_BY_MODULE)})
_SURE = "|".join((
    rf"^[ \t]*(?:from|import)[ \t]+(?:{'|'.join(_TOPS)})\b",
    r"def \w+\((self, *)?env(iron)?\b[^)]*, *start",
    r"receive, *send\b",
    *METHODS,
))  # fmt: skip
MAKES_APPLICATIONS = re.compile(_SURE.encode(), re.MULTILINE)
"""A project of which no file has this has no application."""
MAY_MAKE_ONE = re.compile(
    rb"^[ \t]*(?:\w*app|application|api|server|asgi|wsgi)\b[ \t]*[:=]|def \w*(app|application)\(",
    re.MULTILINE,
)
"""A file that has neither this nor the other has no application."""
_WRAPPERS = ("asgi", "wsgi", "middleware", "dispatcher", "proxy", "prefix")


def kind_of(full_name: str) -> Kind | None:
    """Return how an object that *full_name* makes is served, None if it is no application."""
    if kind := _BY_MODULE.get(full_name):
        return kind
    top, _, rest = full_name.partition(".")
    return _KINDS.get(f"{top}.{rest.rpartition('.')[2]}")


def kind_of_wrapper(full_name: str, wrapped: Kind) -> Kind:
    """Return how an application is served that *full_name* wraps around one of kind *wrapped*."""
    last = full_name.rpartition(".")[2].lower()
    if "asgi" in last:
        return "asgi"
    return "wsgi" if "wsgi" in last else wrapped


def is_wrapper(full_name: str) -> bool:
    """Return whether the class *full_name* makes an application of another one.

    Extensions, such as `SocketIO(app)` and `Api(app)`, take one but are none.
    """
    last = full_name.rpartition(".")[2]
    return last[:1].isupper() and any(word in last.lower() for word in _WRAPPERS)
