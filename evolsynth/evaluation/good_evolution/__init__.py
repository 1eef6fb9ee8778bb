"""Would a careful reader keep an evolution?"""
