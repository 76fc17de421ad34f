"""The upscaler as a service: a REST API and a page for people, in one process.

The layers, top to bottom: ``run`` (the server's process) and ``app`` (`app.create_app`); ``api``
(the routes) and ``page`` (Gradio); ``jobs``; ``guard``; `engine.Engine`, which both sides share;
``problems`` and ``settings``.

`guard.security.Wall` stands around everything, the page and its endpoints included: the page needs
no login of its own. It takes a token in the header, or the cookie that ``/login`` gives browsers.
Paths of the API are ``/v1``, ``/docs``, ``/openapi.json``, ``/healthz``, ``/readyz``, ``/metrics``
and ``/login``; all others are the page's.
"""
