"""What the functions' routes say of themselves, for those who deploy them; no function runs it.

    cd lambda && python -m description

prints as JSON which paths the CDN may hold, and the OpenAPI document, which goes into the renderer's archive
(releasing/routes.py).
"""
