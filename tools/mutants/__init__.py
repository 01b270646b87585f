"""How much of what a runtime may get wrong is seen: the mutation score.

A mutant is a module with one instruction miscompiled, as a wrong runtime would have it. Its
observations are compared with those of the module itself on the same input. See `__main__`.
"""
